"""HTTP that the gateway answers itself: the portal for clients, the admin endpoint."""
