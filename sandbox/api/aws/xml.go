package aws

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
)

// x is the content of an XML element: names and values in turn. A value is an
// x, an xs (a list of <item>s), or text. A nil value or "" is left out, as
// AWS leaves out what a thing does not have.
type x []any

// xs is a list, written as <item>s.
type xs []x

// text is written even when it is empty.
type text string

func (c x) write(b *bytes.Buffer) {
	for i := 0; i+1 < len(c); i += 2 {
		element(b, c[i].(string), c[i+1])
	}
}

func element(b *bytes.Buffer, name string, value any) {
	if value == nil || value == "" {
		return
	}
	b.WriteString("<" + name + ">")
	switch v := value.(type) {
	case x:
		v.write(b)
	case xs:
		for _, item := range v {
			element(b, "item", item)
		}
	case []string:
		for _, item := range v {
			element(b, "item", item)
		}
	case string, text, bool, int:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v))) // a buffer takes everything
	default:
		panic(fmt.Sprintf("%s: no XML for %T", name, v))
	}
	b.WriteString("</" + name + ">")
}

// ec2Form is the query protocol as EC2 speaks it.
type ec2Form struct{}

func (ec2Form) answer(w http.ResponseWriter, c *call, body any) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	action := c.params.get("Action")
	fmt.Fprintf(&b, `<%sResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`, action)
	element(&b, "requestId", c.id)
	body.(x).write(&b)
	fmt.Fprintf(&b, "</%sResponse>", action)
	writeXML(w, http.StatusOK, b.Bytes())
}

func (ec2Form) refuse(w http.ResponseWriter, c *call, e *apiError) {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	element(&b, "Response", x{"Errors", x{"Error", x{"Code", e.code, "Message", e.message}}, "RequestID", c.id})
	writeXML(w, e.status, b.Bytes())
}

// stsForm is the query protocol as the older services speak it.
type stsForm struct{}

func (stsForm) answer(w http.ResponseWriter, c *call, body any) {
	var b bytes.Buffer
	action := c.params.get("Action")
	fmt.Fprintf(&b, `<%sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`, action)
	element(&b, action+"Result", body)
	element(&b, "ResponseMetadata", x{"RequestId", c.id})
	fmt.Fprintf(&b, "</%sResponse>", action)
	writeXML(w, http.StatusOK, b.Bytes())
}

func (stsForm) refuse(w http.ResponseWriter, c *call, e *apiError) {
	fault := "Sender"
	if e.status >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	var b bytes.Buffer
	b.WriteString(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`)
	element(&b, "Error", x{"Type", fault, "Code", e.code, "Message", e.message})
	element(&b, "RequestId", c.id)
	b.WriteString("</ErrorResponse>")
	writeXML(w, e.status, b.Bytes())
}

func writeXML(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone, then
}
