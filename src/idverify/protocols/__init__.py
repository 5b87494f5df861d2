"""What carries a scheme's bytes over HTTP: headers, documents, media types."""
