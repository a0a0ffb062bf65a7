// swift-tools-version: 6.2
import PackageDescription

/// The plugins that ship with Graft, by kind: each is a folder under `Plugins/<kind>`. They are named once
/// here and once in `Sources/GraftPlugins/GraftPlugins.swift`.
let plugins: KeyValuePairs<String, [String]> = [
  "Families": [
    "BERT", "DistilBERT", "RoBERTa", "XLMRoBERTa", "CamemBERT", "ELECTRA", "MPNet", "ALBERT", "NomicBERT",
    "ModernBERT", "DeBERTa",
  ],
  "Tasks": [
    "MaskedLM", "NextSentence", "SequenceClassification", "TokenClassification", "QuestionAnswering",
    "SentenceEmbedding", "MultipleChoice", "SentenceOrder", "ReplacedTokenDetection",
  ],
  "Tokenizers": ["WordPiece", "ByteLevelBPE", "Pipeline"],
  "Formats": ["Safetensors", "PyTorch", "NumPy", "HDF5", "TensorFlowBundle", "GGUF", "ONNX"],
  "Optimizers": ["AdamW"],
  "Backends": ["OpenBLAS", "OneDNN"],
  "Metrics": ["TensorBoard", "LineLogs"],
]

/// What the plugins of a kind are written against.
let kindDependencies: [String: [Target.Dependency]] = [
  "Families": ["GraftTensors", "GraftCompute", "GraftCore", "PostNormEncoder"],
  "Tasks": ["GraftTensors", "GraftCompute", "GraftCore"],
  "Tokenizers": ["GraftTensors", "GraftCompute", "GraftCore", "TokenizerKit"],
  "Formats": ["GraftTensors", "GraftCore"],
  "Optimizers": ["GraftTensors", "GraftCompute", "GraftCore"],
  "Backends": ["GraftTensors", "GraftCompute", "GraftCore"],
  "Metrics": ["GraftTensors", "GraftCore"],
]

/// What a plugin needs beyond that.
let pluginDependencies: [String: [Target.Dependency]] = [
  "HDF5": ["CHDF5", "CZlib", "Zip"],
  "TensorFlowBundle": ["Checksums", "Protobuf"],
  "TensorBoard": ["Checksums", "Protobuf"],
  "ONNX": ["GraftCompute", "Protobuf"],
  "AdamW": ["CAdamW", "VectorKernels"],
  "OpenBLAS": ["VectorKernels"],
  "OneDNN": ["COneDNN", "VectorKernels"],
  "Pipeline": ["Protobuf"],
  "PyTorch": ["Zip"],
  "NumPy": ["NPY", "Zip"],
]

/// What stands beside a plugin's sources and is built into it: a family's published models, and how a model of it
/// begins from nothing.
let kindResources: [String: [Resource]] = [
  "Families": [.embedInCode("Catalogue.json"), .embedInCode("Scratch.json")]
]

/// What a plugin has in C, as the target CNAME in its folder, and what that needs.
let pluginDependenciesInC: [String: [Target.Dependency]] = [
  "AdamW": ["CVectorKernels"],
  "OneDNN": [],
  "HDF5": [],
]

let pluginTargets: [Target] = plugins.flatMap { kind, names in
  names.flatMap { name in
    let folder = "Plugins/\(kind)/\(name)"
    let inC = pluginDependenciesInC[name].map {
      Target.target(name: "C\(name)", dependencies: $0, path: "\(folder)/C\(name)")
    }
    let target = Target.target(
      name: name, dependencies: (kindDependencies[kind] ?? []) + (pluginDependencies[name] ?? []),
      path: folder, exclude: inC.map { [$0.name] } ?? [],
      resources: kindResources[kind])
    return [target, inC].compactMap(\.self)
  }
}

let builtIn: [Target.Dependency] = plugins.flatMap { $0.value }.map { .byName(name: $0) }

let collections: Target.Dependency = .product(name: "OrderedCollections", package: "swift-collections")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")

/// Everything that is not a plugin, for tests that look at the whole.
let modules: [Target.Dependency] = [
  "GraftTensors", "GraftCompute", "GraftCore", "GraftData", "GraftKit", "GraftExperiments",
]

/// A library under `Sources/Libraries`: what plugins share and users do not see.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/Libraries/\(name)")
}

/// Tests under `Tests`, with what all of them share.
func tests(
  _ name: String, _ dependencies: [Target.Dependency] = [], computesMuch: Bool = false
) -> Target {
  .testTarget(
    name: name, dependencies: ["TestSupport"] + dependencies,
    // In release what they test is optimised. They themselves are not worth the time, unless they compute much.
    swiftSettings: computesMuch ? [] : [.unsafeFlags(["-Onone"], .when(configuration: .release))])
}

/// Makes `graft` one file that runs without Swift; the libraries are Foundation's parts. `--static-swift-stdlib` would
/// compile everything in a way that cannot be linked with tests. lld is quiet about what Foundation uses.
let staticRuntime = [
  "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims", "-l_FoundationCollections",
  "-lswiftSynchronization", "-use-ld=lld",
]

let package = Package(
  name: "graft",
  products: [
    .executable(name: "graft", targets: ["graft"]),
    .library(name: "GraftTensors", targets: ["GraftTensors"]),
    .library(name: "GraftCompute", targets: ["GraftCompute"]),
    .library(name: "GraftCore", targets: ["GraftCore"]),
    .library(name: "GraftData", targets: ["GraftData"]),
    .library(name: "GraftKit", targets: ["GraftKit"]),
    .library(name: "GraftExperiments", targets: ["GraftExperiments"]),
    .library(name: "GraftMPI", targets: ["GraftMPI"]),
    .library(name: "GraftHub", targets: ["GraftHub"]),
    .library(name: "GraftPlugins", targets: ["GraftPlugins"]),
    .library(name: "GraftCommandLine", targets: ["GraftCommandLine"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "GraftTensors", dependencies: ["CLinux", collections]),
    .target(name: "GraftCompute", dependencies: ["GraftTensors", collections]),
    .target(name: "GraftCore", dependencies: ["GraftTensors", "GraftCompute", collections]),
    .target(name: "GraftData", dependencies: ["GraftTensors", "GraftCore", "Zlib"]),
    .target(
      name: "GraftKit",
      dependencies: ["GraftTensors", "GraftCompute", "GraftCore", "GraftData", crypto]),
    .target(
      name: "GraftExperiments",
      dependencies: [
        "GraftTensors", "GraftCompute", "GraftCore", "GraftData", "GraftKit", crypto,
        .product(name: "Yams", package: "Yams"),
      ],
      resources: [.embedInCode("Experiment/ReadyMade")]),
    .target(name: "GraftMPI", dependencies: ["GraftTensors", "GraftKit"]),
    .target(name: "GraftHub", dependencies: ["GraftTensors", "GraftCore", "CCurl", "CLinux", crypto]),
    .target(name: "GraftPlugins", dependencies: ["GraftCore"] + builtIn),
    .target(
      name: "GraftCommandLine",
      dependencies: modules + [
        "GraftHub", "GraftMPI", "GraftPlugins", "NPY",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "graft", dependencies: ["GraftCommandLine", "GraftPlugins", "COutOfMemory"],
      linkerSettings: [.unsafeFlags(staticRuntime)]),

    // What plugins share, C shims, and kernels that need run-time CPU dispatch.
    library("CVectorKernels"),
    library("CChecksums"),
    library("COutOfMemory"),
    .systemLibrary(name: "CLinux", path: "Sources/Libraries/CLinux"),
    .systemLibrary(
      name: "CCurl", path: "Sources/Libraries/CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/Libraries/CZlib", providers: [.apt(["zlib1g-dev"])]),
    library("VectorKernels", ["GraftTensors", "GraftCompute", "CVectorKernels"]),
    library("PostNormEncoder", ["GraftTensors", "GraftCompute", "GraftCore"]),
    library("Protobuf", ["GraftTensors"]),
    library(
      "TokenizerKit",
      [
        "GraftTensors", "GraftCompute", "GraftCore",
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    library("Checksums", ["CChecksums", "CZlib"]),
    library("Zlib", ["GraftTensors", "CZlib"]),
    library("NPY", ["GraftTensors"]),
    library("Zip", ["GraftTensors", "Zlib", "Checksums"]),

    // The Hub on the loopback interface, for tests, and as a program for those in other languages.
    .target(name: "HubServer", dependencies: [crypto], path: "Tests/HubServer"),
    .executableTarget(name: "hub-server", dependencies: ["HubServer"], path: "Tests/hub-server"),

    // What `tokenizers` made of texts, for tests, and a program that compares a tokenizer with it.
    .target(
      name: "TokenizerCases", dependencies: ["GraftTensors", "GraftCore"], path: "Tests/TokenizerCases"),
    .executableTarget(
      name: "tokenizer-check", dependencies: ["TokenizerCases", "GraftTensors", "GraftCore", "GraftPlugins"],
      path: "Tests/tokenizer-check"),

    // Every reader of bytes from outside, to be tried on many: by tests, and by libFuzzer as a program. C that calls it.
    .target(
      name: "FuzzTargets",
      dependencies: modules + ["GraftHub", "GraftPlugins", "Checksums", "NPY", "Protobuf", "Zip", "Zlib"]
        + builtIn, path: "Tests/FuzzTargets"),
    .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CLibFuzzer", "FuzzTargets", "GraftCompute"], path: "Tests/fuzz"),

    // What the tests share: fixtures, temporary directories, messages of errors, runs over mutated files.
    .target(
      name: "TestSupport", dependencies: ["GraftTensors", "GraftCompute", "GraftCore"],
      path: "Tests/TestSupport"),

    tests("ConformanceTests", modules + ["GraftPlugins", "VectorKernels"] + builtIn),
    tests("GraftComputeTests", ["GraftTensors", "GraftCompute"]),
    tests("GraftCoreTests", ["GraftTensors", "GraftCompute", "GraftCore", "GraftData", "Zlib"]),
    tests("GraftHubTests", ["GraftTensors", "GraftCore", "GraftHub", "HubServer"]),
    tests("GraftKitTests", modules + ["GraftMPI", "GraftPlugins", "GraftCommandLine"] + builtIn),
    tests(
      "CLITests",
      ["GraftTensors", "GraftCore", "GraftCommandLine", "GraftPlugins", "HubServer"]),
    tests("FuzzTests", ["FuzzTargets"]),
    // The rules of the design, over the sources; the Swift of the documentation, compiled.
    tests("HouseRulesTests"),
    tests("SnippetTests", ["GraftMPI", "GraftPlugins", "GraftCommandLine"] + modules),
    tests("SafetensorsTests", ["GraftTensors", "Safetensors"]),
    tests("PyTorchTests", ["GraftTensors", "PyTorch", "Safetensors", "Zip"]),
    tests("NumPyTests", ["GraftTensors", "NPY", "NumPy", "Safetensors", "Zip"]),
    tests("ZipTests", ["GraftTensors", "Zip", "CZlib"]),
    tests("HDF5Tests", ["CForkedReader", "FuzzTargets", "GraftTensors", "HDF5", "Safetensors"]),
    .target(
      name: "CForkedReader", dependencies: ["CHDF5"], path: "Tests/CForkedReader",
      cSettings: [.headerSearchPath("../../Plugins/Formats/HDF5/CHDF5")]),
    tests(
      "TensorFlowBundleTests",
      [
        "GraftTensors", "TensorFlowBundle", "Safetensors", "Checksums", "Protobuf",
      ]),
    tests("ChecksumsTests", ["Checksums", "CChecksums"]),
    tests("LineLogsTests", ["LineLogs", "GraftTensors", "GraftCore"]),
    tests("TensorBoardTests", ["TensorBoard", "GraftTensors", "GraftCore"]),
    tests("GGUFTests", ["GGUF", "Safetensors", "GraftPlugins"] + modules),
    tests("ONNXTests", ["GraftPlugins", "Protobuf"] + modules + builtIn, computesMuch: true),
    tests("DeBERTaTests", ["GraftTensors", "GraftCompute", "GraftCore", "DeBERTa", "Safetensors"]),
    tests("BERTTests", ["GraftPlugins"] + modules + builtIn),
    tests("WordPieceTests", ["GraftTensors", "GraftCore", "TokenizerKit", "WordPiece", "Zlib"]),
    tests(
      "PipelineTests",
      [
        "TokenizerCases",
        "GraftTensors", "GraftCore", "TokenizerKit", "Pipeline", "WordPiece", "ByteLevelBPE", "Protobuf",
        "Zlib",
      ]),
    tests("TokenizerTrainingTests", ["GraftPlugins", "TokenizerKit", "Zlib"] + modules),
    tests("ByteLevelBPETests", ["TokenizerCases", "GraftTensors", "GraftCore", "ByteLevelBPE", "Zlib"]),
    tests("AdamWTests", ["GraftTensors", "GraftCompute", "GraftCore", "AdamW", "VectorKernels"]),
    tests("SequenceClassificationTests", ["GraftTensors", "GraftCore", "SequenceClassification"]),
    tests("TokenClassificationTests", modules + ["GraftPlugins", "TokenClassification"]),
    tests("QuestionAnsweringTests", modules + ["GraftPlugins", "QuestionAnswering"]),
    tests("SentenceEmbeddingTests", modules + ["GraftPlugins", "SentenceEmbedding"]),
    tests("ReplacedTokenDetectionTests", modules + ["GraftPlugins", "ReplacedTokenDetection"]),
    tests("SentenceOrderTests", modules + ["GraftPlugins", "SentenceOrder"]),
    tests("MultipleChoiceTests", modules + ["GraftPlugins", "MultipleChoice"]),
  ] + pluginTargets,
  swiftLanguageModes: [.v6]
)
