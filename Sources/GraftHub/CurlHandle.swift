import CCurl

/// A handle of libcurl, which is loaded with the first.
final class CurlHandle {
  private let handle: UnsafeMutableRawPointer

  /// Written once, and only read then.
  private nonisolated(unsafe) static let library: curl_functions? = {
    var functions = curl_functions()
    guard curl_load(&functions), functions.global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK else {
      return nil
    }
    return functions
  }()
  private var curl: curl_functions

  /// - Returns: `nil` where libcurl is not installed.
  init?() {
    guard let curl = Self.library, let handle = curl.easy_init() else { return nil }
    (self.curl, self.handle) = (curl, handle)
  }

  deinit { curl.easy_cleanup(handle) }

  /// Forgets all options; connections stay open.
  func reset() { curl.easy_reset(handle) }

  func set(_ option: CURLoption, _ value: Int) { curl_set_number(&curl, handle, option, value) }

  func set(_ option: CURLoption, _ value: String) { curl_set_text(&curl, handle, option, value) }

  func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
    curl_set_pointer(&curl, handle, option, value)
  }

  func set(_ option: CURLoption, _ value: @escaping curl_receiver) {
    curl_set_receiver(&curl, handle, option, value)
  }

  /// Sends a request and waits for the end of the answer.
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
      return curl.easy_perform(handle)
    }
    let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard text.isEmpty, let standard = curl.easy_strerror(code) else { return (code, text) }
    return (code, String(cString: standard))
  }
}
