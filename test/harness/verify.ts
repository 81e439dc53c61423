// Preloaded into every test run: invariants are verified, whatever that costs.

process.env.MINIREDIS_VERIFY = "1";
