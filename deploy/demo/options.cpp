#include "deploy/demo/options.h"

#include <CLI/CLI.hpp>

#include <map>

namespace pulsed::demo {

CommandLine parse_command_line(int argc, char** argv) {
  Options options;
  double idle_seconds = 30;
  const std::map<std::string, TaskPer> kinds{{"connection", TaskPer::kConnection},
                                             {"request", TaskPer::kRequest}};
  CLI::App app{
      "A small HTTP service to see pulsed at work: GET /lookup?word=W and /price?word=W take "
      "microseconds; GET /report takes 20 ms of CPU time and has checkpoints, /export the same "
      "without, and /restock holds for a quarter of it the lock that /price needs. GET /stats "
      "counts. Listens on loopback only. Ends on SIGTERM."};
  app.add_option("--port", options.port, "port on 127.0.0.1; 0 takes a free one and prints it")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "worker threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--tasks", options.task_per,
                 "what is one task: a whole connection, or each request")
      ->transform(CLI::CheckedTransformer(kinds))
      ->default_str("connection");
  app.add_flag("--bare", options.bare, "run without pulsed: no session is opened");
  app.add_option("--run-dir", options.run_dir,
                 "run directory of the daemon; default as the shim has it");
  app.add_option("--text", options.text_folder,
                 "folder whose text files are indexed and compressed")
      ->capture_default_str();
  app.add_option("--report-steps", options.report_steps,
                 "steps in one report; 0 measures how many are 20 ms of CPU time on this machine")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--calibrate", options.calibrate_only,
               "print how many steps make a report, and end");
  app.add_option("--max-connections", options.limits.connections, "further ones are closed at once")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  app.add_option("--idle-timeout", idle_seconds, "seconds a connection may be silent")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  options.limits.idle_timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(idle_seconds * 1000));
  return {options, 0};
}

}  // namespace pulsed::demo
