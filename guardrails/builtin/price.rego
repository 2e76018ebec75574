package builtin

# What all instances cost an hour is within the policy's cap.
deny_price contains {"msg": msg} if {
	price := data.skysail.candidate.price_usd_hour
	cap := data.skysail.limits.max_hourly_usd
	price > cap
	msg := sprintf("costs $%v an hour in all, above limits.max_hourly_usd = %v", [price, cap])
}
