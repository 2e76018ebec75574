# Somebody is woken by PagerDuty, and everything is in a channel of Slack. The
# values of the variables are in the environment of skysail monitor alone.
policy {
  notify "pagerduty" {
    routing_key_env = "PAGERDUTY_KEY"
    severities      = ["page"]
  }
  notify "slack" {
    url_env = "SLACK_URL"
  }
}
