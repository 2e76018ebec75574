package local

import (
	"sync"

	"skysail/clouds/faults"
)

// Faults classifies what the local provider says. Its words are our own.
func (c *Cloud) Faults() faults.Table { return table() }

var table = sync.OnceValue(func() faults.Table {
	const own = "clouds/local/plugin and clouds/local"
	return append(faults.Table{
		faults.NewRule(faults.NotEnabled, `no container engine works on this machine`, own),
		faults.NewRule(faults.Invalid, `port \d+ (?:is already in use by another program|can not be opened)`, own),
		faults.NewRule(faults.Invalid, `the archive's SHA-256 is not`, own),
		faults.NewRule(faults.Invalid, `the archive can not be (?:unpacked|downloaded: (?:\S+ answered 4\d\d|open .*(?:no such file|permission denied)))`, own),
		faults.NewRule(faults.Transient, `the archive can not be downloaded: \S+ answered 5\d\d`, own),
		faults.NewRule(faults.Invalid, `the service ended as soon as it was started`, own),
		faults.NewRule(faults.Invalid, `the secrets can not be used`, own),
		faults.NewRule(faults.Invalid, `image \S+ can not be pulled: .*(?:manifest unknown|not found|denied|unauthorized|invalid reference)`, own),
	}, faults.Common()...)
})
