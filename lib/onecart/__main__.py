import sys

from onecart.cli import main

sys.exit(main())
