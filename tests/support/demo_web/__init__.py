"""`make demo-web`: a number that is connected by QR code, from the code to the end."""
