"""What ADIT is shown with: fictional patients, computed images, and three PACS that hold them."""
