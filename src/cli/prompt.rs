//! Reads a line from a terminal without showing it.

use std::io::{self, BufRead, IsTerminal, Write};

use zeroize::Zeroizing;

/// What Ctrl-C sends.
const INTERRUPT: u8 = 3;

/// Whether a person types on standard input.
pub(super) fn is_typed() -> bool {
    cfg!(unix) && io::stdin().is_terminal()
}

/// Prompts on standard error, and reads one line without showing it. Restores the terminal before it returns.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] for Ctrl-C; any error of the terminal.
#[cfg(unix)]
pub(super) fn hidden_line(question: &str) -> io::Result<Zeroizing<String>> {
    let hidden = Hidden::begin()?;
    let mut error = io::stderr().lock();
    write!(error, "{question}")?;
    error.flush()?;
    let mut line = Zeroizing::new(Vec::new());
    let read = read(&mut io::stdin().lock(), &mut line);
    drop(hidden);
    // the typed line end is not shown either
    writeln!(error)?;
    read?;
    let text = std::str::from_utf8(&line).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// The same where a terminal cannot hide its input.
#[cfg(not(unix))]
pub(super) fn hidden_line(_: &str) -> io::Result<Zeroizing<String>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Reads to the line's end, or to Ctrl-C.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut byte = [0];
        match input.read(&mut byte) {
            Ok(0) => return Ok(()),
            Ok(_) if byte == [INTERRUPT] => return Err(io::Error::new(io::ErrorKind::Interrupted, "Ctrl-C was pressed")),
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if line.ends_with(b"\n") {
            return Ok(());
        }
    }
}

/// The terminal's former settings, restored on drop.
#[cfg(unix)]
struct Hidden(nix::sys::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn begin() -> io::Result<Self> {
        use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut hiding = before.clone();
        hiding.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL);
        // if Ctrl-C killed this process, the terminal would stay hidden: here it arrives as a character that ends the line
        hiding.local_flags.remove(LocalFlags::ISIG);
        hiding.control_chars[SpecialCharacterIndices::VEOL as usize] = INTERRUPT;
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &hiding)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        // there is nobody to report to
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.0);
    }
}
