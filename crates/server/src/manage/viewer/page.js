// Shows the description of the API that stands beside this page, and asks no other host for anything.
"use strict";

const AUDIENCE = "urn:symbolon:management";

// The viewer's form for credentials knows no audience, and without one a client gets a token for its default API.
function forManagement(request) {
  const body = request.body;
  if (typeof body === "string" && body.includes("grant_type=client_credentials")) {
    request.body = `${body}&audience=${encodeURIComponent(AUDIENCE)}`;
  }
  return request;
}

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#description",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  requestInterceptor: forManagement,
});
