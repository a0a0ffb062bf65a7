// Compares the tokenizer of a directory with what `tokenizers` makes of texts:
//   tokenizer-check DIRECTORY < cases.jsonl
// Each line is a case; see Fixtures/pipeline/make.py. Prints how many there were and how many differ, as one JSON document,
// with the first few that do.
import Foundation
import GraftCore
import GraftPlugins
import GraftTensors
import TokenizerCases

let directory = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? ".")
guard let tokenizer = try Registry.builtIn().loadTokenizer(from: directory) else {
  throw GraftError(.missing, "no tokenizer files", file: directory.path)
}
var (compared, different) = (0, 0)
var examples: [JSON] = []
while let line = readLine(strippingNewline: true) {
  compared += 1
  guard let difference = try TokenizerCase(parsing: line.utf8).difference(from: tokenizer) else { continue }
  different += 1
  if examples.count < 3 { examples.append(.string(difference)) }
}
let result: JSON = [
  "compared": JSON(compared), "different": JSON(different), "examples": .array(examples),
]
print(result.text())
