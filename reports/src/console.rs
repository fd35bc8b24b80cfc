//! How the programs speak: the answer on standard output, an error in one line with its causes.
//! What they say is theirs.

use std::error::Error;
use std::io::{self, ErrorKind, Write};

/// Writes the whole answer. A reader that has enough of it is no error: the exit code still says the answer.
///
/// # Errors
/// When it cannot be written for another reason, such as a full disk.
pub fn print(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// The error and its causes, from the outermost to the innermost, with ": " between them. An error of this workspace
/// does not quote its cause.
pub fn error_line(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        assert!(print(&mut Broken(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(print(&mut Broken(ErrorKind::StorageFull), "text").is_err());
        let mut out = Vec::new();
        print(&mut out, "text").unwrap();
        assert_eq!(out, b"text");
    }

    #[test]
    fn every_cause_stands_there_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);
        #[derive(Debug, thiserror::Error)]
        enum Outermost {
            #[error(transparent)]
            Through(#[from] Outer),
        }
        let error = Outermost::from(Outer(io::Error::other("inner")));
        assert_eq!(error_line(&error), "outer: inner");
    }
}
