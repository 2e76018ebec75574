package aws

const pricingRegion = "us-east-1"
