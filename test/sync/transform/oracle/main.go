// Renders templates with Go's own text/template and Sprig: what our own subset is compared with.
//
// Standard input has one JSON object a line: {"template": …, "data": …, "floats": …}. Standard output has one line for
// each: {"output": …} or {"error": …}. With "floats" every number of the data is a float64, as the Go ancestor of this
// project has it; without, a number that fits into an int is one.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

type question struct {
	Template string          `json:"template"`
	Data     json.RawMessage `json:"data"`
	Floats   bool            `json:"floats"`
}

type answer struct {
	Output *string `json:"output,omitempty"`
	Error  string  `json:"error,omitempty"`
}

func main() {
	functions := makeFunctions()
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(lines)
	for decoder.More() {
		var asked question
		if err := decoder.Decode(&asked); err != nil {
			fail(err)
		}
		var said answer
		if output, err := render(asked, functions); err != nil {
			said.Error = err.Error()
		} else {
			said.Output = &output
		}
		if err := answers.Encode(said); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func render(asked question, functions template.FuncMap) (string, error) {
	parsed, err := template.New("oracle").Funcs(functions).Parse(strings.TrimSpace(asked.Template))
	if err != nil {
		return "", err
	}
	data, err := decode(asked.Data, asked.Floats)
	if err != nil {
		return "", err
	}
	var output bytes.Buffer
	if err := parsed.Execute(&output, data); err != nil {
		return "", err
	}
	return output.String(), nil
}

// decode reads JSON; numbers become int or float64.
func decode(text []byte, floats bool) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return withNumbers(value, floats)
}

func withNumbers(value any, floats bool) (any, error) {
	var err error
	switch value := value.(type) {
	case json.Number:
		if whole, err := strconv.ParseInt(value.String(), 10, 64); err == nil && !floats {
			return int(whole), nil
		}
		return value.Float64()
	case []any:
		for index := range value {
			if value[index], err = withNumbers(value[index], floats); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range value {
			if value[key], err = withNumbers(value[key], floats); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

// makeFunctions starts from Sprig and changes what docs/reference/templates.md says is different here.
func makeFunctions() template.FuncMap {
	functions := sprig.TxtFuncMap()
	// Go's own slice also cuts texts.
	delete(functions, "slice")

	marshal := func(value any) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	decodeText := func(text string) (string, error) {
		decoded, err := base64.StdEncoding.DecodeString(text)
		return string(decoded), err
	}
	functions["json"] = marshal
	functions["string"] = func(value any) string { return fmt.Sprintf("%v", value) }
	functions["int"] = toInt
	functions["base64encode"] = encode
	functions["base64decode"] = decodeText
	functions["b64dec"] = decodeText

	functions["keys"] = func(maps ...map[string]any) []string {
		keys := []string{}
		for _, each := range maps {
			keys = append(keys, sortedKeys(each)...)
		}
		return keys
	}
	functions["values"] = func(from map[string]any) []any {
		values := []any{}
		for _, key := range sortedKeys(from) {
			values = append(values, from[key])
		}
		return values
	}
	functions["fromJson"] = func(text string) any {
		value, err := decodeWhole(text)
		if err != nil {
			return nil
		}
		return value
	}
	functions["mustFromJson"] = decodeWhole
	return functions
}

func decodeWhole(text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, errors.New("invalid JSON")
	}
	return decode([]byte(text), false)
}

func sortedKeys(from map[string]any) []string {
	keys := []string{}
	for key := range from {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// toInt makes an int of whole numbers and of texts of them, and of nothing else.
func toInt(value any) (int, error) {
	switch value := value.(type) {
	case int:
		return value, nil
	case int64:
		return int(value), nil
	case uint8:
		return int(value), nil
	case float64:
		return wholeOf(value)
	case string:
		text := strings.TrimSpace(value)
		if whole, err := strconv.ParseInt(text, 10, 64); err == nil {
			return int(whole), nil
		}
		float, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, err
		}
		return wholeOf(float)
	}
	return 0, fmt.Errorf("%T is no number", value)
}

func wholeOf(float float64) (int, error) {
	if float != math.Trunc(float) || math.Abs(float) >= math.Ldexp(1, 63) {
		return 0, errors.New("not a whole number")
	}
	return int(float), nil
}
