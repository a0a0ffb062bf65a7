import Foundation
import TestSupport
import Testing

@testable import GraftHub

@Suite struct NameTests {
  @Test(arguments: [
    ("bert-base-uncased", "bert-base-uncased", "main"),
    ("google/bert_uncased_L-2_H-128_A-2", "google/bert_uncased_L-2_H-128_A-2", "main"),
    ("org/name@v1.0", "org/name", "v1.0"),
    ("org/name@refs/pr/1", "org/name", "refs/pr/1"),
    ("name@86b5e0934494bd15c9632b12f734a8a67f723594", "name", "86b5e0934494bd15c9632b12f734a8a67f723594"),
  ])
  func names(text: String, id: String, revision: String) {
    let name = ModelName(text)
    #expect(name?.id == id)
    #expect(name?.revision == revision)
  }

  @Test(arguments: [
    "", "/", "a/b/c", "../x", "a/..", "..", ".", "./a", "/a", "a/", "-a", "a-", ".a", "a.", "a--b", "a..b",
    "a.git",
    "a b", "a\0b", "a@", "a@../x", "a@/x", "a@x/", "a@x//y", "a@x y", "a@x@y", "ä", "a\\b",
    String(repeating: "a", count: 97), "a:b", "a@" + String(repeating: "b", count: 201),
  ])
  func notNames(text: String) {
    #expect(ModelName(text) == nil)
  }

  @Test func environment() throws {
    let plain = try HubSettings(["HOME": "/home/me"])
    #expect(plain.cache.path == "/home/me/.cache/huggingface/hub")
    #expect(plain.endpoint.absoluteString == "https://huggingface.co")
    #expect(plain.token == nil)
    #expect(!plain.isOffline)
    #expect(try HubSettings(["HOME": "/home/me", "XDG_CACHE_HOME": "/x"]).cache.path == "/x/huggingface/hub")
    #expect(try HubSettings(["HF_HOME": "/h", "XDG_CACHE_HOME": "/x"]).cache.path == "/h/hub")
    #expect(try HubSettings(["HF_HOME": "/h", "HF_HUB_CACHE": "/c"]).cache.path == "/c")
    #expect(try HubSettings(["HOME": "/home/me", "HF_HOME": "~/h"]).cache.path == "/home/me/h/hub")
    #expect(
      try HubSettings(["HF_ENDPOINT": "http://mirror:8080/"]).endpoint.absoluteString == "http://mirror:8080")
    for (value, offline) in [("1", true), ("true", true), ("0", false), ("", false)] {
      #expect(try HubSettings(["HF_HUB_OFFLINE": value]).isOffline == offline)
    }
    #expect(try HubSettings(["HF_TOKEN": " hf_x\n", "HF_HOME": "/nowhere"]).token == "hf_x")
    try withTemporaryDirectory { directory in
      let file = directory.appending(path: "token")
      try Data("hf_stored\n".utf8).write(to: file)
      #expect(try HubSettings(["HF_TOKEN_PATH": file.path]).token == "hf_stored")
      #expect(try HubSettings(["HF_TOKEN_PATH": directory.appending(path: "none").path]).token == nil)
      let message = errorMessage(in: directory) { _ = try HubSettings(["HF_TOKEN_PATH": directory.path]) }
      #expect(
        message?.hasSuffix(
          ": the token cannot be read. Check who may read it, or pass the token in HF_TOKEN.") == true)
    }
  }

  @Test(arguments: [
    ("\"abc\"", nil), ("", nil),
    ("W/\"9e26dfeeb6e641a33dae4961196235bdb965b21b\"", "9e26dfeeb6e641a33dae4961196235bdb965b21b"),
    ("9e26dfeeb6e641a33dae4961196235bdb965b21b", "9e26dfeeb6e641a33dae4961196235bdb965b21b"),
    ("\"../../../../../../../../../../../../../../x\"", nil),
  ])
  func etags(text: String, name: String?) {
    #expect(ContentID(etag: text)?.name == name)
  }
}
