terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.59.0"
    }
  }
}

# Credentials come from AWS_* or the files in ~/.aws. Few retries: a provider that fails is left for the next.
provider "aws" {
  region      = var.region
  max_retries = 2
}
