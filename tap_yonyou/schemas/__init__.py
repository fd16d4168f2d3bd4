"""One JSON Schema a stream, named after the vendor's resource."""
