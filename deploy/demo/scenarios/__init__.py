"""What deploy/quickstart runs after the build: the same load bare, shadow and enforce, and what came of it."""
