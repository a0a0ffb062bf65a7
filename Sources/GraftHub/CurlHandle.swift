import CCurl

/// A handle of libcurl, which is loaded with the first.
final class CurlHandle {
  private let handle: UnsafeMutableRawPointer

  /// Written once, and only read then.
  private nonisolated(unsafe) static let library: Result<curl_functions, HTTPFailure> = {
    func failure(_ reason: String) -> HTTPFailure {
      HTTPFailure(
        kind: .other,
        message: "libcurl cannot be loaded: \(reason); on Debian, apt-get install libcurl4 brings it")
    }
    var functions = curl_functions()
    var reason = [CChar](repeating: 0, count: 1024)
    guard curl_load(&functions, &reason, reason.count) else {
      return .failure(failure(CurlHandle.text(reason)))
    }
    let code = functions.global_init(Int(CURL_GLOBAL_DEFAULT))
    guard code == CURLE_OK else {
      let sentence = functions.easy_strerror(code).map { String(cString: $0) }
      return .failure(failure(sentence ?? "code \(code.rawValue)"))
    }
    return .success(functions)
  }()
  private var curl: curl_functions
  /// The first option that was not taken, and why; without it no request is sent.
  private var refused: (option: String, code: CURLcode)?

  /// - Throws: ``HTTPFailure`` where libcurl cannot be loaded.
  init() throws {
    let curl = try Self.library.get()
    guard let handle = curl.easy_init() else {
      throw HTTPFailure(kind: .other, message: "libcurl has no memory")
    }
    (self.curl, self.handle) = (curl, handle)
  }

  deinit { curl.easy_cleanup(handle) }

  /// Forgets all options; connections stay open.
  func reset() {
    curl.easy_reset(handle)
    refused = nil
  }

  func set(_ option: CURLoption, _ value: Int) {
    note(curl_set_number(&curl, handle, option, value), "option \(option.rawValue)")
  }

  func set(_ option: CURLoption, _ value: String) {
    note(curl_set_text(&curl, handle, option, value), "option \(option.rawValue)")
  }

  func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
    note(curl_set_pointer(&curl, handle, option, value), "option \(option.rawValue)")
  }

  func set(_ option: CURLoption, _ value: @escaping curl_receiver) {
    note(curl_set_receiver(&curl, handle, option, value), "option \(option.rawValue)")
  }

  /// Allows HTTP and HTTPS alone.
  func restrictProtocols() { note(curl_set_protocols(&curl, handle), "restriction to HTTP") }

  private func note(_ code: CURLcode, _ option: @autoclosure () -> String) {
    if code != CURLE_OK, refused == nil { refused = (option(), code) }
  }

  /// The text in a buffer of C.
  private static func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Sends a request and waits for the end of the answer; an option that was not taken is its outcome.
  ///
  /// - Returns: The outcome, and libcurl's sentence on it.
  func perform(headers: [String]) -> (code: CURLcode, message: String) {
    var message = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))
    var list: UnsafeMutablePointer<curl_slist>?
    for header in headers { list = curl.slist_append(list, header) }
    defer { curl.slist_free_all(list) }
    set(CURLOPT_HTTPHEADER, list)
    let code = message.withUnsafeMutableBufferPointer { buffer in
      set(CURLOPT_ERRORBUFFER, buffer.baseAddress)
      defer { set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer?.none) }
      return refused?.code ?? curl.easy_perform(handle)
    }
    let text = Self.text(message)
    guard text.isEmpty, let standard = curl.easy_strerror(code) else { return (code, text) }
    let option = refused.map { "libcurl's \($0.option): " } ?? ""
    return (code, option + String(cString: standard))
  }
}
