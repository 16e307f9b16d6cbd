#!/usr/bin/env node
// npm links programs when it installs, before anything is built: this file is there by then.
import '../dist/main.js';
