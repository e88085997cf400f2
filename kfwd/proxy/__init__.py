"""HTTP on local listeners: what is asked, who may ask it, and what is behind."""
