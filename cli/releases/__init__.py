"""`vigia releases` and `vigia plan`: how releases go, and what people ask of them."""
