// Shows openapi.json. Nothing is asked of another host: no validator badge, no configuration
// from the address bar.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  queryConfigEnabled: false,
  validatorUrl: null,
});
