//! Texts that hurt readers of reports, from a seed.

/// What acts on terminals, browsers, parsers and CI systems.
pub(super) const PIECES: [&str; 84] = [
    "\u{fffe}",
    "\u{ffff}",
    "\u{1ffff}",
    "\u{fdd0}",
    "\0",
    "\x08",
    "\x7f",
    "\u{85}",
    "\u{9b}31m",
    "\x1b[31m",
    "\x1b[2J",
    "\x1b]0;pwn\x07",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP1$r\x1b\\",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{200d}",
    "\u{2028}",
    "\u{e0041}",
    "\u{feff}",
    "\r\n",
    "\r",
    "\n",
    "\t",
    "    ",
    "]]>",
    "<![CDATA[",
    "<!-- x",
    "-->",
    "<?x ?>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</system-out></testcase>",
    "<br>",
    "&lt;",
    "&#64;x",
    "&#x202e;",
    "&bogus;",
    "|",
    "\\|",
    "`",
    "``",
    "\n```\n",
    "\n~~~\n",
    "\n# heading\n",
    "\n---\n",
    "\n===\n",
    "- x",
    "* x",
    "+ x",
    "1. x",
    "1) x",
    "> x",
    "[ ] x",
    "[a](javascript:alert(1))",
    "![x](http://127.0.0.1/x)",
    "<http://evil.example>",
    "[^1]",
    "\n[x]: http://evil.example\n",
    "http://evil.example/",
    "www.evil.example",
    "a@b.example",
    "@user",
    "#1",
    "a/b#1 GH-1",
    "!1 $1 &1 ~label %1",
    "\n--- x\n",
    "\n+++ x\n",
    "\n~~~ x\n",
    "\n^^^ +++\n",
    "<CTestMeasurement type=\"x\">",
    "CTEST_FULL_OUTPUT",
    "\\",
    "**",
    "__",
    "~~",
    "$x$",
    "$$",
    "::error file=x::pwn",
    "\n::stop-commands::x\n",
    "x##[group]y",
    "##vso[task.setvariable]x",
    "##teamcity[x]\nsection_start:1:x\r\x1b[0Ktravis_fold:start:x",
];

/// A source of texts.
pub(super) struct Texts(u64);

impl Texts {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit` (xorshift64).
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    /// Pieces that hurt, words, and any characters.
    pub(super) fn next(&mut self) -> String {
        let count = self.below(6);
        (0..count).map(|_| self.part()).collect()
    }

    fn part(&mut self) -> String {
        match self.below(8) {
            0 => self.character().to_string(),
            1 => "word 1.".to_owned(),
            2 => "é 日本 שלום \u{1f600}".to_owned(),
            _ => PIECES[self.below(PIECES.len())].to_owned(),
        }
    }

    fn character(&mut self) -> char {
        let limit = [0x80, 0x300, 0x3000, 0x11_0000][self.below(4)];
        let value = u32::try_from(self.below(limit)).unwrap_or_default();
        char::from_u32(value).unwrap_or('\u{fffd}')
    }
}
