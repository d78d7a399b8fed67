"""The dashboard: seven views of everything that a store knows, in one page without a server."""
