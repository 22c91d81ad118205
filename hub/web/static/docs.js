// Shows the hub's own OpenAPI document. The token that is typed in stays in this page's memory.
"use strict";

if (window.SwaggerUIBundle) {
  window.SwaggerUIBundle({
    url: "api/v1/openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    filter: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
}
