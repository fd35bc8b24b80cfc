//! A plain table for a terminal or a log: columns as wide as their widest cell.
//! No colours and no wrapping, so that it reads the same in a file.

/// Text with one line a row; the first column is left-aligned, the columns in `right` are right-aligned.
pub(crate) fn render(header: &[&str], rows: &[Vec<String>], right: &[usize]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let header: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
    for row in std::iter::once(&header).chain(rows) {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) = if right.contains(&column) { (&*padding, "") } else { ("", &*padding) };
            line.push_str(if column > 0 { "  " } else { "" });
            for part in [before, cell, after] {
                line.push_str(part);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            vec![vec!["a".into(), "1".into(), "ok".into()], vec!["long".into(), "100".into(), "é".into()]];
        assert_eq!(render(&["m", "n", "v"], &rows, &[1]), "m       n  v\na       1  ok\nlong  100  é\n");
    }
}
