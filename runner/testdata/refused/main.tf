terraform {
  backend "local" {}
}

resource "terraform_data" "made" {
  input = "small"
}

resource "terraform_data" "this" {
  input = "x"

  lifecycle {
    precondition {
      condition     = terraform_data.made.input == "large"
      error_message = "Size is not available in this region."
    }
  }
}

check "advice" {
  assert {
    condition     = terraform_data.made.input == "large"
    error_message = "This is only a warning."
  }
}
