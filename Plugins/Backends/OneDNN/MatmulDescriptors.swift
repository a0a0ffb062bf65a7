import GraftTensors

/// Describes matrix products to oneDNN. Versions 2 and 3 have the same objects, made by different functions.
struct MatmulDescriptors: Sendable {
  typealias Handle = OneDNNLibrary.Handle
  typealias Status = OneDNNLibrary.Status

  /// Two-dimensional row-major matrices, or their transposes, with a distance between rows.
  struct Matrix {
    /// `[rows, columns]` as the product reads it.
    let extents: (Int64, Int64)
    let strides: (Int64, Int64)
    let type: DataType
  }

  /// `dnnl_data_type_t`.
  enum DataType: Int32 {
    case bfloat16 = 2
    case float32 = 3
  }

  private enum Functions: @unchecked Sendable {
    case version2(initialize: Initialize2, describe: Describe2, create: Create2)
    case version3(initialize: Initialize3, destroy: OneDNNLibrary.Destroy, create: Create3)
  }

  // Version 2 fills structures of the caller's; they are opaque here, with room to spare.
  private typealias Initialize2 =
    @convention(c) (UnsafeMutableRawPointer, Int32, UnsafePointer<Int64>, Int32, UnsafePointer<Int64>) ->
    Status
  private typealias Describe2 =
    @convention(c) (
      UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer?, UnsafeRawPointer
    ) -> Status
  private typealias Create2 =
    @convention(c) (UnsafeMutablePointer<Handle?>, UnsafeRawPointer, Handle, Handle, Handle?) -> Status
  private typealias Initialize3 =
    @convention(c) (
      UnsafeMutablePointer<Handle?>, Int32, UnsafePointer<Int64>, Int32, UnsafePointer<Int64>
    ) -> Status
  private typealias Create3 =
    @convention(c) (
      UnsafeMutablePointer<Handle?>, Handle, UnsafeRawPointer, UnsafeRawPointer, UnsafeRawPointer?,
      UnsafeRawPointer, Handle
    ) -> Status

  private let functions: Functions

  init(_ symbols: Symbols, majorVersion: Int) throws(GraftError) {
    switch majorVersion {
    case 2:
      functions = .version2(
        initialize: try symbols.find("dnnl_memory_desc_init_by_strides"),
        describe: try symbols.find("dnnl_matmul_desc_init"),
        create: try symbols.find("dnnl_primitive_desc_create"))
    case 3:
      functions = .version3(
        initialize: try symbols.find("dnnl_memory_desc_create_with_strides"),
        destroy: try symbols.find("dnnl_memory_desc_destroy"),
        create: try symbols.find("dnnl_matmul_primitive_desc_create"))
    default: throw symbols.unusable("this oneDNN is of version \(majorVersion)", expected: "version 2 or 3")
    }
  }

  /// Attributes of a product: scratch memory comes from the caller; the result is overwritten, or added to.
  func attributes(_ symbols: Symbols, accumulating: Bool) throws(GraftError) -> OneDNNLibrary.SendableHandle {
    let create: OneDNNLibrary.Create = try symbols.find("dnnl_primitive_attr_create")
    let attributes = try symbols.make("attributes", create)
    typealias SetMode = @convention(c) (Handle, Int32) -> Status
    let setMode: SetMode = try symbols.find("dnnl_primitive_attr_set_scratchpad_mode")
    let callerProvides: Int32 = 1
    var statuses = [setMode(attributes.handle, callerProvides)]
    if accumulating {
      let createOperations: OneDNNLibrary.Create = try symbols.find("dnnl_post_ops_create")
      let operations = try symbols.make("operations after a product", createOperations)
      switch functions {
      case .version2:
        typealias AppendSum = @convention(c) (Handle, Float) -> Status
        let appendSum: AppendSum = try symbols.find("dnnl_post_ops_append_sum")
        statuses.append(appendSum(operations.handle, 1))
      case .version3:
        // With a zero point, and a type that is the result's when it is 0.
        typealias AppendSum = @convention(c) (Handle, Float, Int32, Int32) -> Status
        let appendSum: AppendSum = try symbols.find("dnnl_post_ops_append_sum")
        statuses.append(appendSum(operations.handle, 1, 0, 0))
      }
      typealias SetOperations = @convention(c) (Handle, Handle) -> Status
      let setOperations: SetOperations = try symbols.find("dnnl_primitive_attr_set_post_ops")
      statuses.append(setOperations(attributes.handle, operations.handle))
    }
    guard statuses.allSatisfy({ $0 == 0 }) else {
      throw symbols.unusable("this oneDNN does not start", expected: "attributes of a product")
    }
    return attributes
  }

  /// The descriptor of the primitive `C = A · B`.
  ///
  /// - Parameter body: Is given the descriptors of the three matrices, too; valid while it runs.
  /// - Returns: What `body` returns; `nil` when the library has no such primitive.
  func withPrimitive<Result>(
    _ a: Matrix, _ b: Matrix, _ c: Matrix, engine: Handle, attributes: Handle,
    _ body: (_ primitive: Handle, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeRawPointer) ->
      Result?
  ) -> Result? {
    var primitive: Handle?
    switch functions {
    case .version2(let initialize, let describe, let create):
      // `dnnl_memory_desc_t` has 696 bytes, `dnnl_matmul_desc_t` 2800.
      return withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 64) { room in
        guard let start = room.baseAddress else { return nil }
        let (aRoom, bRoom, cRoom, matmul) = (start, start + 1024, start + 2048, start + 4096)
        for (room, matrix) in [(aRoom, a), (bRoom, b), (cRoom, c)] {
          guard matrix.describe({ initialize(room, 2, $0, $1, $2) }) == 0 else { return nil }
        }
        guard describe(matmul, aRoom, bRoom, nil, cRoom) == 0,
          create(&primitive, matmul, attributes, engine, nil) == 0, let primitive
        else { return nil }
        return body(primitive, aRoom, bRoom, cRoom)
      }
    case .version3(let initialize, let destroy, let create):
      var made: [Handle?] = []
      defer { for descriptor in made { _ = destroy(descriptor) } }
      func descriptor(_ matrix: Matrix) -> UnsafeRawPointer? {
        var descriptor: Handle?
        guard matrix.describe({ initialize(&descriptor, 2, $0, $1, $2) }) == 0 else { return nil }
        made.append(descriptor)
        return UnsafeRawPointer(descriptor)
      }
      guard let a = descriptor(a), let b = descriptor(b), let c = descriptor(c),
        create(&primitive, engine, a, b, nil, c, attributes) == 0, let primitive
      else { return nil }
      return body(primitive, a, b, c)
    }
  }
}

extension MatmulDescriptors.Matrix {
  /// Hands extents, type and strides to a function of the library.
  fileprivate func describe(
    _ initialize: (UnsafePointer<Int64>, Int32, UnsafePointer<Int64>) -> OneDNNLibrary.Status
  ) -> OneDNNLibrary.Status {
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: 4) { numbers in
      (numbers[0], numbers[1], numbers[2], numbers[3]) = (extents.0, extents.1, strides.0, strides.1)
      guard let start = numbers.baseAddress else { return 1 }
      return initialize(start, type.rawValue, start + 2)
    }
  }
}
