package pipeline

// Doubles are the functions of one argument in double precision, for tests.
var Doubles = map[string]func(float64) float64{
	"exp": exp, "ln": ln, "log": log10, "sin": sin, "cos": cos, "tan": tan, "asin": asin, "acos": acos, "atan": atan,
	"sinh": sinh, "cosh": cosh, "tanh": tanh,
}

// Power and Atan2 are those of two.
var (
	Power = power
	Atan2 = atan2
)
