"""Parts of make_toy.py: shapes, textures and whole images."""
