package jsonassert_test

import (
	"errors"
	"strings"
	"testing"

	"skysail/internal/jsonassert"
)

const doc = `{"status":"ok","queue":{"depth":7},"checks":[{"name":"db","state":"pass"},{"name":"mq","state":"warn"}],"ready":true,"none":null}`

func TestHolds(t *testing.T) {
	for condition, want := range map[string]bool{
		`$.status == "ok"`:                          true,
		`@.status == 'ok'`:                          true,
		`$.status == "ok" && $.queue.depth < 7`:     false,
		`$.queue.depth <= 7.0`:                      true,
		`$.checks[?@.state != "pass"]`:              true,
		`!$.checks[?@.state == "fail"]`:             true,
		`$.checks[0].name == "db" || $.absent == 1`: true,
		`$.absent`:              false,
		`$.none == null`:        true,
		`$.ready == true`:       true,
		`length($.checks) == 2`: true,
		`search($.status, "^o") && !match($.status,"o")`: true,
		`count($..state) == 2`:                           true,
	} {
		c, err := jsonassert.Parse(condition)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		d, err := jsonassert.Decode([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Holds(d); got != want {
			t.Errorf("%s is %v", condition, got)
		}
		if c.String() != condition {
			t.Errorf("%s became %s", condition, c)
		}
	}
	c, err := jsonassert.Parse(`$ == "up"`)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := jsonassert.Decode([]byte(` "up" `)); err != nil || !c.Holds(d) {
		t.Errorf("a document that is a string: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		``:                        "at its end",
		`$.a = 1`:                 "at position",
		`$.a == `:                 "at its end",
		`$.a, ?$.b`:               "more than one",
		`$.a][?@.b`:               "more than one",
		`$.a == 1]..[?@.b`:        "more than one",
		`nosuch($.a)`:             "nosuch",
		`1`:                       "",
		strings.Repeat("(", 2000): "at most",
	} {
		if c, err := jsonassert.Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, %v", text, c, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{"", "<html>", `{"a":1} x`, `{"a":`, strings.Repeat("[", 101) + strings.Repeat("]", 101)} {
		if d, err := jsonassert.Decode([]byte(text)); !errors.Is(err, jsonassert.ErrNotJSON) {
			t.Errorf("%.20q: %v, %v", text, d, err)
		}
	}
	if _, err := jsonassert.Decode([]byte(`{"a":"` + strings.Repeat(`[{\"`, 200) + `"}`)); err != nil {
		t.Errorf("brackets in a string: %v", err)
	}
}
