#include "daemon/rpc/tls_files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <stdexcept>

#include "daemon/config/file_text.h"

namespace pulsed::rpc {
namespace {

using Path = std::filesystem::path;

[[noreturn]] void fail(const Path& path, const char* setting, const std::string& why) {
  throw std::runtime_error(path.string() + ": " + why + " (named by " + setting + ")");
}

std::string read(const Path& path, const char* setting) {
  config::FileText file = config::read_file(path);
  if (file.text) return std::move(*file.text);
  fail(path, setting, file.missing ? "no such file" : file.fault);
}

// Fails unless OpenSSL was content.
void check(bool good, const Path& path, const char* setting, const std::string& what) {
  if (good) return;
  const char* reason = ERR_reason_error_string(ERR_get_error());
  fail(path, setting, what + (reason != nullptr ? ": " + std::string(reason) : ""));
}

void try_out(const config::Api::Tls& tls) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  if (context == nullptr) throw std::runtime_error("api.tls: OpenSSL gives no context");
  // A key that needs a passphrase is refused; OpenSSL would ask for it at the terminal.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
  ERR_clear_error();
  check(SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) == 1,
        tls.certificate, "api.tls.certificate", "is no PEM certificate");
  check(SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) == 1, tls.key,
        "api.tls.key", "is no PEM key of the certificate, or needs a passphrase");
  check(SSL_CTX_load_verify_locations(context.get(), tls.client_ca.c_str(), nullptr) == 1,
        tls.client_ca, "api.tls.client_ca", "is no PEM certificate");
}

}  // namespace

TlsFiles read_tls_files(const config::Api::Tls& tls) {
  TlsFiles files{.certificate = read(tls.certificate, "api.tls.certificate"),
                 .key = read(tls.key, "api.tls.key"),
                 .client_ca = read(tls.client_ca, "api.tls.client_ca")};
  try_out(tls);
  return files;
}

}  // namespace pulsed::rpc
