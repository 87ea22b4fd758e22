"""What users say happens: one story a file, between the queue and the adapters."""
