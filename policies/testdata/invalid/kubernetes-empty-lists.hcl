policy {
  kubernetes {
    contexts     = []
    ingress_from = []
    run_as_user  = -1
    secret       = "x"
  }
}
