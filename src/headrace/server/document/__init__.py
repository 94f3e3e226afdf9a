"""The API, described for people: a page that is drawn from the OpenAPI document, and asks nobody for anything."""
