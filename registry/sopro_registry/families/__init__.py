"""One module for each record family; the catalogue lists them."""
