"""One class per port; the Azure SDKs are imported inside methods, so that importing the app stays light."""
