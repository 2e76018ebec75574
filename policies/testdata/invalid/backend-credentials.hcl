policy {
  backend "s3" {
    key        = ""
    access_key = "AKIAEXAMPLE"
    secret_key = env("SECRET")
    endpoints  = { s3 = "https://me:hunter2@minio.example.com" }
  }
  backend "pg" {}
}
