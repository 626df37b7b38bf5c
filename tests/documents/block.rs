//! The fenced blocks of a Markdown page.

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// First word after the fence, such as `console`.
    pub(crate) language: String,
    /// Other words after the fence, such as `file=first.yaml`.
    settings: Vec<(String, String)>,
    /// Lines between the fences, without the indentation of the fence.
    pub(crate) lines: Vec<String>,
    /// Line number of the opening fence, counted from 1.
    pub(crate) line: usize,
}

impl Block {
    /// The value of a setting, such as `device` of `exempt=device`.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        let setting = self.settings.iter().find(|(known, _)| known == name);
        setting.map(|(_, value)| value.as_str())
    }

    /// The block's text.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// The blocks of a page, from top to bottom.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    for (index, line) in page.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match (open.take(), line.trim_start().strip_prefix("```")) {
            (None, Some(words)) => open = Some((opened(words, index + 1), indent)),
            (None, None) => {}
            (Some((block, _)), Some("")) => blocks.push(block),
            (Some((mut block, indent)), _) => {
                block.lines.push(line.get(indent..).unwrap_or_default().to_owned());
                open = Some((block, indent));
            }
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

fn opened(words: &str, line: usize) -> Block {
    let mut words = words.split_whitespace();
    let language = words.next().unwrap_or_default().to_owned();
    let setting = |word: &str| {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        (name.to_owned(), value.to_owned())
    };
    Block { language, settings: words.map(setting).collect(), lines: Vec::new(), line }
}
