"""The release controller: observe, decide, save, act; and what people ask of a release."""
