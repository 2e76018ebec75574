policy {
  notify "webhook" {
    url_env = "https://hooks.example.com/confidential"
  }
  notify "slack" {
    url_env    = ""
    severities = ["page", "warning"]
    to         = ["ops@example.com"]
  }
  notify "pagerduty" {
    region = "asia"
  }
  notify "pagerduti" {
    routing_key_env = "KEY"
  }
  notify "email" {
    smtp     = "mail.example.com"
    from     = "Skysail <skysail@example.com>"
    to       = ["ops@example.com", "ops@example.com", "a\r\nBcc: b@example.com"]
    user_env = "MAIL_USER"
  }
  notify "email" {
    smtp = "mail.example.com:99999"
    from = "skysail@example.com"
    to   = []
    url  = "x"
  }
}
