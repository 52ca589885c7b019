"""Entry point."""


def main() -> None:
    """Run ebcd."""


if __name__ == "__main__":
    main()
