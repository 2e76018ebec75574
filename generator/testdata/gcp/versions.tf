terraform {
  required_version = ">= 1.6"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "7.45.0"
    }
  }
}

# Credentials and project come from GOOGLE_APPLICATION_CREDENTIALS and GOOGLE_PROJECT. Operations are looked at often: they take seconds.
provider "google" {
  region        = var.region
  poll_interval = "2s"
}
