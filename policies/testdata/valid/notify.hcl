policy {
  notify "webhook" {
    url_env   = "ALERTS_URL"
    token_env = "ALERTS_TOKEN"
  }
  notify "webhook" {
    url_env = "OTHER_URL"
  }
  notify "slack" {
    url_env    = "SLACK_URL"
    severities = ["ticket"]
  }
  notify "pagerduty" {
    routing_key_env = "PAGERDUTY_KEY"
    region          = "eu"
    severities      = ["page"]
  }
  notify "email" {
    smtp         = "mail.example.com:587"
    from         = "skysail@example.com"
    to           = ["ops@example.com", "lead@example.com"]
    user_env     = "MAIL_USER"
    password_env = "MAIL_PASSWORD"
  }
}
