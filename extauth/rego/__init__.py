"""OPA as a command, its syntax trees and its faults, for the compiler and the assurance."""
