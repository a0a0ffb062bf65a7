// swift-tools-version: 6.2
import PackageDescription

/// The plugins that ship with Graft: one folder under `Plugins` each, named once here and once in
/// `Sources/graft/Plugins.swift`.
let plugins = [
  "Safetensors",
  "PyTorch",
  "NumPy",
  "HDF5",
  "TensorFlowBundle",
  "GGUF",
  "ONNX",
  "BERT",
  "MaskedLM",
  "NextSentence",
  "Pretraining",
  "SequenceClassification",
  "WordPiece",
  "AdamW",
  "TensorBoard",
  "OpenBLAS",
  "OneDNN",
]

/// What a plugin needs beyond `GraftCore`.
let pluginDependencies: [String: [Target.Dependency]] = [
  "HDF5": ["CZlib"],
  "TensorFlowBundle": ["Checksums", "Protobuf"],
  "TensorBoard": ["Checksums", "Protobuf"],
  "ONNX": ["Protobuf"],
  "OpenBLAS": ["VectorKernels"],
  "OneDNN": ["VectorKernels"],
  "Pretraining": ["MaskedLM", "NextSentence"],
  "PyTorch": ["Zip"],
  "NumPy": ["Zip"],
]

let builtIn: [Target.Dependency] = plugins.map { .byName(name: $0) }

let package = Package(
  name: "graft",
  products: [
    .executable(name: "graft", targets: ["graft"]),
    .library(name: "GraftCore", targets: ["GraftCore"]),
    .library(name: "GraftKit", targets: ["GraftKit"]),
    .library(name: "GraftHub", targets: ["GraftHub"]),
    .library(name: "GraftPlugins", targets: plugins),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(
      name: "GraftCore",
      dependencies: ["CLinux", .product(name: "OrderedCollections", package: "swift-collections")]),
    .target(
      name: "GraftKit",
      dependencies: [
        "GraftCore", "Zlib", .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Yams", package: "Yams"),
      ],
      resources: [.embedInCode("Catalogue/catalogue.json"), .embedInCode("Experiment/ReadyMade")]),
    .target(
      name: "GraftHub",
      dependencies: ["GraftCore", "CCurl", "CLinux", .product(name: "Crypto", package: "swift-crypto")]),
    .executableTarget(
      name: "graft",
      dependencies: [
        "GraftCore", "GraftKit", "GraftHub",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]
        + builtIn),

    // C: shims, and the kernels that need run-time CPU dispatch.
    .target(name: "CVectorKernels", path: "Plugins/CVectorKernels"),
    .target(name: "CChecksums", path: "Plugins/CChecksums"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", path: "Plugins/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "VectorKernels", dependencies: ["GraftCore", "CVectorKernels"], path: "Plugins/VectorKernels"),
    .target(name: "Protobuf", dependencies: ["GraftCore"], path: "Plugins/Protobuf"),
    .target(name: "Checksums", dependencies: ["CChecksums", "CZlib"], path: "Plugins/Checksums"),
    .target(name: "Zlib", dependencies: ["GraftCore", "CZlib"], path: "Plugins/Zlib"),
    .target(name: "Zip", dependencies: ["GraftCore", "Zlib", "Checksums"], path: "Plugins/Zip"),

    // The Hub on the loopback interface, for tests, and as a program for those in other languages.
    .target(
      name: "HubServer", dependencies: [.product(name: "Crypto", package: "swift-crypto")],
      path: "Tests/HubServer"),
    .executableTarget(name: "hub-server", dependencies: ["HubServer"], path: "Tests/hub-server"),

    .testTarget(name: "ConformanceTests", dependencies: ["graft", "GraftCore", "GraftKit", "VectorKernels"]),
    .testTarget(name: "GraftCoreTests", dependencies: ["GraftCore"]),
    .testTarget(name: "GraftHubTests", dependencies: ["GraftHub", "HubServer"]),
    .testTarget(name: "GraftKitTests", dependencies: ["graft", "GraftCore", "GraftKit"]),
    .testTarget(name: "CLITests", dependencies: ["graft", "GraftCore", "HubServer"]),
    .target(name: "FormatTesting", dependencies: ["GraftCore"], path: "Tests/FormatTesting"),
    .testTarget(name: "SafetensorsTests", dependencies: ["FormatTesting", "Safetensors"]),
    .testTarget(name: "PyTorchTests", dependencies: ["FormatTesting", "PyTorch", "Safetensors", "Zip"]),
    .testTarget(name: "NumPyTests", dependencies: ["FormatTesting", "NumPy", "Safetensors", "Zip"]),
    .testTarget(name: "ZipTests", dependencies: ["FormatTesting", "Zip", "CZlib"]),
    .testTarget(name: "HDF5Tests", dependencies: ["FormatTesting", "HDF5", "Safetensors"]),
    .testTarget(
      name: "TensorFlowBundleTests",
      dependencies: ["FormatTesting", "TensorFlowBundle", "Safetensors", "Checksums", "Protobuf"]),
    .testTarget(name: "ChecksumsTests", dependencies: ["Checksums", "CChecksums"]),
    .testTarget(name: "TensorBoardTests", dependencies: ["TensorBoard", "GraftCore"]),
    .testTarget(
      name: "GGUFTests", dependencies: ["FormatTesting", "GGUF", "Safetensors", "graft", "GraftKit"]),
    .testTarget(
      name: "ONNXTests",
      dependencies: ["FormatTesting", "graft", "GraftCore", "GraftKit", "Protobuf"] + builtIn),
    .testTarget(name: "BERTTests", dependencies: ["graft", "GraftCore", "GraftKit"] + builtIn),
    .testTarget(name: "WordPieceTests", dependencies: ["WordPiece", "Zlib"]),
    .testTarget(name: "AdamWTests", dependencies: ["AdamW", "OpenBLAS"]),
  ]
    + plugins.map {
      .target(name: $0, dependencies: ["GraftCore"] + (pluginDependencies[$0] ?? []), path: "Plugins/\($0)")
    },
  swiftLanguageModes: [.v6]
)
