package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ContainerFunc is a function in place of a container image (D-50). It reads
// [ContainerRun.Params], as the container read its params file, and writes files
// by [ContainerRun.Put]: they are the content. It may be called again for the
// same version, after a crash or an error of kind iotenant.ErrUnavailable or of
// no kind; any other error makes the content FAILED, with its text as the
// reason.
type ContainerFunc func(ctx context.Context, id tenant.ID, run *ContainerRun) error

// ContainerRun is what a [ContainerFunc] works on. It is valid during the call,
// for one goroutine.
type ContainerRun struct {
	Dataset, Version   string
	Created, Scheduled time.Time
	// Params is the document that the service put at
	// /opt/ml/input/data/iotanalytics/params:
	//
	//	{"Context":{"OutputUris":{"html":"output.html","ipynb":"output.ipynb"}},
	//	 "Variables":{"name":"value","source":"<version of its data set>"}}
	//
	// Where the service had URIs of S3 it holds names for Put.
	Params []byte

	open func(ctx context.Context, dataset string) (Object, error)
	put  func(ctx context.Context, name string, body io.Reader) error
}

// Open opens the result of a data set that a variable names, at the version that
// Params holds. Error: [ErrNoContent].
func (r *ContainerRun) Open(ctx context.Context, dataset string) (Object, error) {
	return r.open(ctx, dataset)
}

// Put stores a file of the content: 1 to 255 letters, digits, '_', '.' and '-'.
// Errors: [ErrObjectName], those of Objects.Put.
func (r *ContainerRun) Put(ctx context.Context, name string, body io.Reader) error {
	return r.put(ctx, name, body)
}

// containerError is an error of a [ContainerFunc], whose text people may see.
type containerError struct{ error }

func (e containerError) Unwrap() error { return e.error }

var containerFile = regexp.MustCompile(`^[\w.-]{1,255}$`)

// runContainer calls the function of the image.
func (p *production) runContainer(ctx context.Context, made *Content) error {
	function, ok := p.options.Containers[p.definition.Container.Image]
	if !ok {
		return containerError{fmt.Errorf("there is no function for the image: %w", iotenant.ErrUnsupported)}
	}
	params, versions, err := p.params(ctx)
	if err != nil {
		return err
	}
	run := &ContainerRun{
		Dataset: p.definition.Name, Version: p.run.Version, Created: p.run.Created, Scheduled: p.run.Scheduled, Params: params,
		open: func(ctx context.Context, dataset string) (Object, error) { return p.openInput(ctx, versions, dataset) },
		put:  func(ctx context.Context, name string, body io.Reader) error { return p.putFile(ctx, made, name, body) },
	}
	if err := callContainer(ctx, function, p.id, run); err != nil {
		return containerError{err}
	}
	return nil
}

func callContainer(ctx context.Context, function ContainerFunc, id tenant.ID, run *ContainerRun) (err error) {
	defer contain(&err)
	return function(ctx, id, run)
}

// params returns the document for a container, and the versions of data sets in
// it.
func (p *production) params(ctx context.Context) (document []byte, versions map[string]string, err error) {
	type outputs struct {
		HTML  string `json:"html"`
		IPYNB string `json:"ipynb"`
	}
	values := map[string]any{}
	versions = map[string]string{}
	for _, variable := range p.definition.Container.Variables {
		switch {
		case variable.String != nil:
			values[variable.Name] = *variable.String
		case variable.Double != nil:
			values[variable.Name] = *variable.Double
		case variable.OutputFile != "":
			values[variable.Name] = variable.OutputFile
		default:
			content, err := p.Datasets.content(ctx, p.id, variable.Dataset, LatestSucceeded)
			if errors.Is(err, ErrNoContent) {
				return nil, nil, containerError{fmt.Errorf("data set %s: %w", variable.Dataset, err)}
			}
			if err != nil {
				return nil, nil, err
			}
			values[variable.Name], versions[strings.ToLower(variable.Dataset)] = content.Version, content.Version
		}
	}
	document, err = json.Marshal(map[string]any{"Context": map[string]any{"OutputUris": outputs{"output.html", "output.ipynb"}}, "Variables": values})
	if err != nil {
		return nil, nil, fmt.Errorf("analytics: parameters of a container: %w", err)
	}
	return document, versions, nil
}

// openInput opens the result of a data set that is among the parameters.
func (p *production) openInput(ctx context.Context, versions map[string]string, dataset string) (Object, error) {
	version, ok := versions[strings.ToLower(dataset)]
	if !ok {
		return nil, fmt.Errorf("%w: it is not among the variables", ErrNoContent)
	}
	content, err := p.Datasets.content(ctx, p.id, dataset, version)
	if err != nil {
		return nil, err
	}
	return p.open(ctx, p.id, &content, "")
}

// putFile stores a file of a container, in place of an earlier one of the name.
func (p *production) putFile(ctx context.Context, made *Content, name string, body io.Reader) error {
	if !containerFile.MatchString(name) {
		return fmt.Errorf("%w: %.255q: want 1 to 255 letters, digits, '_', '.' and '-'", ErrObjectName, name)
	}
	file := ContentFile{Name: name, Object: made.object(p.take, name)}
	if err := CheckObjectName(file.Object); err != nil { // "." and ".."
		return err
	}
	counted := &counted{reader: body}
	if err := p.objects.Put(ctx, p.id, file.Object, counted); err != nil {
		return err
	}
	file.Bytes = counted.bytes
	made.Files = append(slices.DeleteFunc(made.Files, func(f ContentFile) bool { return f.Name == name }), file)
	return nil
}
