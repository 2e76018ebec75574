# Credentials are not here: terraform init takes them from the environment, as docs/state.md lists.
terraform {
  backend "pg" {
    conn_str            = "postgres://me@127.0.0.1:1/terraform?sslmode=disable"
    schema_name         = "skysail_d4k2m9x7qpb1_a2"
    skip_table_creation = false
  }
}
